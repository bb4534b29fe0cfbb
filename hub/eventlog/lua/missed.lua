-- What happened in some rooms after a reader's place in each, up to one moment. Writes nothing.
--
-- KEYS  1 meta; then stream and head a room
-- ARGV  1 epoch of the places, 2 offset up to which ("": the counter), 3 events a room at most; then one place a room
-- RETURNS  {epoch or "", counter, entries or nil a room: nil if not all of them are there, or they are too many}

local call = redis.call
local meta = call('HMGET', KEYS[1], 'epoch', 'offset')
local epoch, counter = meta[1] or '', tonumber(meta[2]) or 0
local upto, limit = tonumber(ARGV[2]) or counter, tonumber(ARGV[3])
local reply = {epoch, string.format('%.0f', counter)}

-- The entry after the place says with its `prev` whether it is the next one, also where it is past the moment.

local function follows(entry, place)
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'p' then
      return tonumber(fields[i + 1]) <= place
    end
  end
end

local function after(place, stream, head)
  if ARGV[1] ~= epoch or place > upto then
    return false
  end
  if (tonumber(call('GET', head)) or 0) <= place then
    return {}
  end
  local entries = call('XRANGE', stream, string.format('%.0f', place + 1), '+', 'COUNT', limit + 1)
  if not entries[1] or not follows(entries[1], place) then
    return false
  end
  while entries[1] and tonumber(string.match(entries[#entries][1], '^%d+')) > upto do
    entries[#entries] = nil
  end
  return #entries <= limit and entries
end

for i = 1, #ARGV - 3 do
  reply[i + 2] = after(tonumber(ARGV[i + 3]), KEYS[2 * i], KEYS[2 * i + 1])
end
return reply
