-- Extends the lifetimes of stored sessions, each only for its owner.
--
-- KEYS  one for each session
-- ARGV  1 milliseconds to live; then for each session the owner who asks
-- RETURNS  for each session, 0: not there, 1: extended, 2: another connection owns it
--
-- A stored session without an owner, or that cannot be read, is extended for anybody.

local held = {}
for i, key in ipairs(KEYS) do
  local stored = redis.pcall('GET', key)
  if not stored then
    held[i] = 0
  else
    local readable, session = pcall(cjson.decode, stored)
    local owner = readable and type(session) == 'table' and session.owner
    if type(owner) == 'string' and owner ~= '' and owner ~= ARGV[i + 1] then
      held[i] = 2
    else
      redis.call('PEXPIRE', key, ARGV[1])
      held[i] = 1
    end
  end
end
return held
