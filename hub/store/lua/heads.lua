-- Reads the end of the log, and of some rooms.
--
-- KEYS  1 meta; then the head of each room
-- ARGV  none
-- RETURNS  {epoch or "", offset of the log's end, then the head of each room}

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'offset')
local reply = {meta[1] or '', meta[2] or '0'}
for i = 2, #KEYS do
  reply[i + 1] = redis.call('GET', KEYS[i]) or '0'
end
return reply
