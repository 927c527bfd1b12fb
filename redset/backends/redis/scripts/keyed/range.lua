-- Return entries between two scores with payloads; see range.lua.
-- Reply    member, score, …; the payloads
local function plain()
-- include range
end

return with_payloads(plain())
