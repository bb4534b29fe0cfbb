-- Reads one room's state and history as of one moment.
--
-- KEYS  1 meta, 2 stream, 3 head, 4 counters, 5 index, 6 index of the members that come first; then the documents
-- ARGV  1 offset after which to read events ("": the newest), 2 its epoch, 3 most events, 4 most members of the index,
--       5 prefix of the keys of the index's documents, 6 "1": the counters as well, 7 "1": the oldest members, oldest
--       first, 8 most bytes of the index's documents (0: no limit), 9 "1": the members of KEYS[6] come first, newest
--       first, 10 score after which the oldest members begin ("": all), 11 most bytes of events (0: no limit),
--       12 "1": if more events follow the offset than fit, the first ones
-- RETURNS  {epoch or "", offset of the log's end, 1 if the offset was honoured, entries,
--          {version, body} or {nil, nil} for each document, {member, version, body} for each member of the index,
--          {counter, count, …}, size of the index, size of KEYS[6],
--          score after which the oldest members go on ("": there are no more), 1 if more events follow the entries}
--
-- The documents of an index have keys that nobody can name beforehand; they carry the branch's hash tag like all.
-- The script measures documents before it reads them, and reads entries a few at a time, so the bounds hold in here too.

local call = redis.call
local CHUNK = 32
local FIRST_SHARE = 3 / 4 -- of the room, for the members that come first
local meta = call('HMGET', KEYS[1], 'epoch', 'offset')
local epoch, counter = meta[1] or '', tonumber(meta[2]) or 0
local after, limit = tonumber(ARGV[1]), tonumber(ARGV[3])
local head = tonumber(call('GET', KEYS[3])) or 0

local function bound(text)
  local most = tonumber(text)
  return most > 0 and most or math.huge
end

local function offset_of(entry)
  return tonumber(string.match(entry[1], '^%d+'))
end

local event_bytes = bound(ARGV[11])

-- Returns up to `most` entries from one end of a range, and true if those are all of it.

local function entries_of(range, from, to, step, most)
  local found, size = {}, 0
  while true do
    local chunk = call(range, KEYS[2], from, to, 'COUNT', CHUNK)
    for _, entry in ipairs(chunk) do
      for _, field in ipairs(entry[2]) do
        size = size + #field
      end
      if #found == most or #found > 0 and size > event_bytes then
        return found, false
      end
      found[#found + 1] = entry
    end
    local last = chunk[CHUNK]
    if not last or offset_of(last) + step < 0 then
      return found, true
    end
    from = string.format('%.0f', offset_of(last) + step)
  end
end

-- Honoured: everything after the offset is still there, and fits. The chain of `prev` says whether it is there.

local function follows(entry)
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'p' then
      return tonumber(fields[i + 1]) <= after
    end
  end
end

local whole, entries, cut = 0, {}, 0
if after and ARGV[2] == epoch and after <= counter then
  if head <= after then
    whole = 1
  else
    local found, all = entries_of('XRANGE', string.format('%.0f', after + 1), '+', 1, limit)
    if found[1] and follows(found[1]) and (all or ARGV[12] == '1') then
      whole, entries, cut = 1, found, all and 0 or 1
    end
  end
end
if whole == 0 and limit > 0 then
  local newest = entries_of('XREVRANGE', '+', '-', -1, limit)
  for i = #newest, 1, -1 do
    entries[#entries + 1] = newest[i]
  end
end

local documents = {}
for i = 7, #KEYS do
  documents[i - 6] = call('HMGET', KEYS[i], 'v', 'b')
end

-- The index's documents: those that come first, then the others, as many as there is room for, and one in any case.

local members = tonumber(ARGV[4])
local indexed, given, total, first_total, go_on = {}, {}, 0, 0, ''
local places, bytes = members, bound(ARGV[8])

local function give(member)
  local key = ARGV[5] .. member
  local size = call('HSTRLEN', key, 'b')
  if places < 1 or #indexed > 0 and size > bytes then
    return false
  end
  local document = call('HMGET', key, 'v', 'b')
  if document[1] then
    indexed[#indexed + 1] = {member, document[1], document[2]}
  end
  given[member] = true
  places, bytes = places - 1, bytes - size
  return true
end

local function give_first()
  local kept_places, kept_bytes = math.floor(places * (1 - FIRST_SHARE)), bytes * (1 - FIRST_SHARE)
  if bytes == math.huge then
    kept_bytes = 0
  end
  places, bytes = places - kept_places, bytes - kept_bytes
  for _, member in ipairs(call('ZREVRANGE', KEYS[6], 0, members - 1)) do
    if call('ZSCORE', KEYS[5], member) and not give(member) then
      break
    end
  end
  places, bytes = places + kept_places, bytes + kept_bytes
end

local function give_oldest()
  local from, last = '-inf', ARGV[10]
  if last ~= '' then
    from = '(' .. last
  end
  local found = call('ZRANGEBYSCORE', KEYS[5], from, '+inf', 'WITHSCORES', 'LIMIT', 0, members + 1)
  for i = 1, #found, 2 do
    if not given[found[i]] and not give(found[i]) then
      return last ~= '' and last or '0'
    end
    last = found[i + 1]
  end
  return '' -- no more than `members` are ever given: had there been others, the loop would have ended there
end

if members > 0 then
  total = call('ZCARD', KEYS[5])
  if ARGV[9] == '1' then
    first_total = call('ZCARD', KEYS[6])
    give_first()
  end
  if ARGV[7] == '1' then
    go_on = give_oldest()
  else
    for _, member in ipairs(call('ZREVRANGE', KEYS[5], 0, members - 1)) do
      if not give(member) then
        break
      end
    end
  end
end

local counters = {}
if ARGV[6] == '1' then
  counters = call('HGETALL', KEYS[4])
end

return {
  epoch,
  string.format('%.0f', counter),
  whole,
  entries,
  documents,
  indexed,
  counters,
  total,
  first_total,
  go_on,
  cut,
}
