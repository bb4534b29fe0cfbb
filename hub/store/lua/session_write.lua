-- Writes or deletes one stored session, unless another connection owns it.
--
-- KEYS  1 session
-- ARGV  1 body ("": delete), 2 owner who asks, 3 former owner that it may replace, 4 milliseconds to live
-- RETURNS  1: done; 0: another connection owns the session, and nothing was written
--
-- A stored session without an owner, or that cannot be read, belongs to whoever writes it next.

local stored = redis.pcall('GET', KEYS[1])
local readable, session = pcall(cjson.decode, stored)
local owner = readable and type(session) == 'table' and session.owner
if type(owner) == 'string' and owner ~= '' and owner ~= ARGV[2] and owner ~= ARGV[3] then
  return 0
end
if ARGV[1] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
end
return 1
