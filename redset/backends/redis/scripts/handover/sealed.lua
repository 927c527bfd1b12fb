-- Look for a set that is sealed.
-- KEYS     any, of sets or not
-- Reply    the first that is the key of a sealed set, nil if none is
for _, key in ipairs(KEYS) do
  if is_sealed(key) then return key end
end
return false
