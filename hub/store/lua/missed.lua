-- Reads the events of some rooms after a reader's place in each, up to one moment.
--
-- KEYS  1 meta; then stream and head for each room
-- ARGV  1 epoch of the places, 2 last offset to read ("": the log's end), 3 most events of a room, 4 most bytes of them
--       (0: no limit); then the reader's place in each room
-- RETURNS  {epoch or "", offset of the log's end, then for each room its entries, or nil if some are missing or they
--          are too many}

local call = redis.call
local meta = call('HMGET', KEYS[1], 'epoch', 'offset')
local epoch, counter = meta[1] or '', tonumber(meta[2]) or 0
local upto, limit, bytes = tonumber(ARGV[2]) or counter, tonumber(ARGV[3]), tonumber(ARGV[4])
local CHUNK = 32
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

local function offset_of(entry)
  return tonumber(string.match(entry[1], '^%d+'))
end

-- Read a few at a time: the bounds hold in here as well.

local function after(place, stream, head)
  if ARGV[1] ~= epoch or place > upto then
    return false
  end
  if (tonumber(call('GET', head)) or 0) <= place then
    return {}
  end
  local entries, size, from = {}, 0, place + 1
  while true do
    local chunk = call('XRANGE', stream, string.format('%.0f', from), '+', 'COUNT', CHUNK)
    if #entries == 0 and not (chunk[1] and follows(chunk[1], place)) then
      return false
    end
    for _, entry in ipairs(chunk) do
      from = offset_of(entry) + 1
      if from > upto + 1 then
        return entries
      end
      for _, field in ipairs(entry[2]) do
        size = size + #field
      end
      if #entries == limit or bytes > 0 and size > bytes then
        return false
      end
      entries[#entries + 1] = entry
    end
    if #chunk < CHUNK then
      return entries
    end
  end
end

for i = 1, #ARGV - 4 do
  reply[i + 2] = after(tonumber(ARGV[i + 4]), KEYS[2 * i], KEYS[2 * i + 1])
end
return reply
