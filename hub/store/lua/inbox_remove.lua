-- Removes entries from an inbox.
--
-- KEYS  1 the inbox's stream, 2 the bytes in it
-- ARGV  the entries' ids
-- RETURNS  the number of entries that were there

local call = redis.call
local removed, bytes = 0, 0
for i = 1, #ARGV do
  local found = call('XRANGE', KEYS[1], ARGV[i], ARGV[i])
  if #found > 0 then
    removed, bytes = removed + 1, bytes + tonumber(found[1][2][4])
    call('XDEL', KEYS[1], ARGV[i])
  end
end
if call('XLEN', KEYS[1]) == 0 then
  call('DEL', KEYS[2])
elseif bytes > 0 then
  call('DECRBY', KEYS[2], bytes)
end
return {removed}
