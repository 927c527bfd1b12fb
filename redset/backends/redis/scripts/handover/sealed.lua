-- Look for a set that is sealed.
-- KEYS     any, of sets or not
-- Reply    the first that is the key of a sealed set, and its layout, '' if it has none; nil if none
--          is sealed
for _, key in ipairs(KEYS) do
  if is_sealed(key) then
    local _, layout = layout_of(key)
    return {key, layout or ''}
  end
end
return false
