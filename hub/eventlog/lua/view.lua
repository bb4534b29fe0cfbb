-- One room's state and history as of one moment. Writes nothing.
--
-- KEYS  1 meta, 2 stream, 3 head, 4 stock, 5 index; then one a document
-- ARGV  1 offset after which ("": none), 2 its epoch, 3 events at most, 4 members of the index at most, 5 what the
--       keys of the index's documents begin with, 6 "1": the stock as well, 7 "1": the oldest members, oldest first
-- RETURNS  {epoch or "", counter, 1 if the offset was honoured, entries, {version, body} or {nil, nil} a document,
--          {member, version, body} a member of the index, {sku, left, …}, size of the index}
--
-- The documents of an index have keys that nobody can name beforehand; they carry the branch's hash tag like all.

local call = redis.call
local meta = call('HMGET', KEYS[1], 'epoch', 'offset')
local epoch, counter = meta[1] or '', tonumber(meta[2]) or 0
local after, limit = tonumber(ARGV[1]), tonumber(ARGV[3])
local head = tonumber(call('GET', KEYS[3])) or 0

-- Honoured: everything after the offset is still there, and fits. The chain of `prev` says whether it is there.

local whole, entries = 0, {}
if after and ARGV[2] == epoch and after <= counter then
  if head <= after then
    whole = 1
  else
    entries = call('XRANGE', KEYS[2], string.format('%.0f', after + 1), '+', 'COUNT', limit + 1)
    local oldest = entries[1]
    if oldest and #entries <= limit then
      local fields = oldest[2]
      for i = 1, #fields, 2 do
        if fields[i] == 'p' and tonumber(fields[i + 1]) <= after then
          whole = 1
        end
      end
    end
  end
end
if whole == 0 then
  entries = {}
  if limit > 0 then
    local newest = call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', limit)
    for i = #newest, 1, -1 do
      entries[#entries + 1] = newest[i]
    end
  end
end

local documents = {}
for i = 6, #KEYS do
  documents[i - 5] = call('HMGET', KEYS[i], 'v', 'b')
end

local indexed, total, members = {}, 0, tonumber(ARGV[4])
if members > 0 then
  total = call('ZCARD', KEYS[5])
  local range = ARGV[7] == '1' and 'ZRANGE' or 'ZREVRANGE'
  for _, member in ipairs(call(range, KEYS[5], 0, members - 1)) do
    local document = call('HMGET', ARGV[5] .. member, 'v', 'b')
    if document[1] then
      indexed[#indexed + 1] = {member, document[1], document[2]}
    end
  end
end

local stock = {}
if ARGV[6] == '1' then
  stock = call('HGETALL', KEYS[4])
end

return {epoch, string.format('%.0f', counter), whole, entries, documents, indexed, stock, total}
