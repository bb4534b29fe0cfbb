-- Where the branch stands, and where each of some rooms ends. Writes nothing.
--
-- KEYS  1 meta; then one head a room
-- ARGV  none
-- RETURNS  {epoch or "", counter, head…}

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'offset')
local reply = {meta[1] or '', meta[2] or '0'}
for i = 2, #KEYS do
  reply[i + 1] = redis.call('GET', KEYS[i]) or '0'
end
return reply
