-- Appends a payload to an inbox, unless the inbox is full.
--
-- KEYS  1 the inbox's stream, 2 the bytes in it
-- ARGV  payload · its bytes · the most entries · the most bytes
-- RETURNS  1: it is in the inbox; 0: the inbox is full, nothing was written

local call = redis.call
local bytes = tonumber(call('GET', KEYS[2]) or '0')
if call('XLEN', KEYS[1]) >= tonumber(ARGV[3]) or bytes + tonumber(ARGV[2]) > tonumber(ARGV[4]) then
  return {0}
end
call('XADD', KEYS[1], '*', 'b', ARGV[1], 'n', ARGV[2])
call('INCRBY', KEYS[2], ARGV[2])
return {1}
