-- Deletes the events of a room from a part of the outbound stream.
--
-- KEYS  1 outbound, 2 outbound_deleted
-- ARGV  where the part begins (as XRANGE takes it) · entries to look at · room · epoch, offset: events of this epoch from
--       this offset on stay · seconds to keep the places of what was deleted
-- RETURNS  {where the next part begins; empty after the last}

local call = redis.call
local start, count, room, epoch, before, kept_s = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
local entries = call('XRANGE', KEYS[1], start, '+', 'COUNT', count)
for _, entry in ipairs(entries) do
  local fields = {}
  for i = 1, #entry[2], 2 do
    fields[entry[2][i]] = entry[2][i + 1]
  end
  local of, offset = string.match(fields.e, '^(.*)%.(%d+)$')
  local stays = of == epoch and tonumber(offset) >= before
  if not stays and string.find(',' .. fields.r .. ',', ',' .. room .. ',', 1, true) then
    -- Its successor names it as the entry before: readers tell by this that it was not lost.
    call('HSET', KEYS[2], entry[1], fields.p)
    call('EXPIRE', KEYS[2], kept_s)
    call('XDEL', KEYS[1], entry[1])
  end
end
return {#entries == count and '(' .. entries[#entries][1] or ''}
