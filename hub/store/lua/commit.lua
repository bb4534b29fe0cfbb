-- Commits one write: all of it, or none of it. No other script changes the state of a branch.
--
-- KEYS  1 meta, 2 counters, 3 jobs, 4 holds, 5 outbound; then, as many as ARGV announces and in this order:
--       the command, if there is one · a document for each expectation · a number for each quota ·
--       stream and head for each room · a document for each document · an index for each index move ·
--       a list for each sample · a hash for each count · one or two keys for each expiry
-- ARGV  read from left to right; "n ×" is a count, followed by as many groups:
--       a name for a new epoch
--       n × epoch, offset                the highest offset that the caller has seen in each epoch; of an epoch that
--                                        has ended, -1 minus the offset
--       seconds to keep the command's result (0: no command; below 0: as many, and a result with another fingerprint
--                                        is replaced) · fingerprint · result · samples to keep · outbound events to keep
--       n × version expected (0: none), body expected (empty: any)
--       n × amount, limit (0: none), seconds of the window                             quotas
--       n × holder                                                                     places given back
--       holder · n × pool, limit (0: none)                                             places taken
--       the command that publishes (PUBLISH, or SPUBLISH in a cluster) · prefix of channels
--       n × name, events to keep (0: all)                                              rooms, numbered from 1
--       n × counter, mode, amount, low mark, data up to the count, time,               counter moves
--           types of the events empty, low, refilled, n × room
--       n × version, body                                                              documents
--       n × type, body, 1 or 0: outbound, n × room                                     events
--       n × member, 1 or 0, members to keep (0: all; else the oldest leave),           index moves
--           score (empty: the first offset)
--       n × value                                                                      samples
--       n × field, difference, seconds to keep the hash                                counts
--       n × payload                                                                    jobs
--       n × keys (1 or 2), seconds (0: for ever)                                       expiries
-- RETURNS  {"OK", epoch, head, offset…} · {"KNOWN", "<epoch>\n<head>\n<offset>,…\n<result>"} · {"MISMATCH"} ·
--          {"CONFLICT", number of the expectation, version found} · {"SHORT", counter, left, counter, left…} ·
--          {"QUOTA", number of the quota, used, ms until its window is over} · {"NO_PLACE", number of the pool, taken}
--
-- Redis isolates a script but does not roll it back: every check stands before the first write, and the
-- first write is one that Redis refuses when it is out of memory or read-only.

local call = redis.call
local at_key, at_arg = 5, 0

local function key()
  at_key = at_key + 1
  return KEYS[at_key]
end

local function arg()
  at_arg = at_arg + 1
  return ARGV[at_arg]
end

local function number()
  return tonumber(arg())
end

-- Lua's own conversion rounds at 14 digits.
local function digits(n)
  return string.format('%.0f', n)
end

local new_epoch, seen, ended, seen_most = arg(), {}, {}, 0
for _ = 1, number() do
  local epoch, offset = arg(), number()
  if offset < 0 then
    ended[epoch] = true
    offset = -1 - offset
  end
  seen[epoch] = offset
  seen_most = math.max(seen_most, offset)
end
local command_ttl, fingerprint, result, samples_kept, outbound_kept = number(), arg(), arg(), number(), number()

-- Is the command known?

local command
if command_ttl ~= 0 then
  command = key()
  local known = call('GET', command)
  if known then
    local line = string.find(known, '\n', 1, true)
    if string.sub(known, 1, line - 1) == fingerprint then
      return {'KNOWN', string.sub(known, line + 1)}
    elseif command_ttl > 0 then
      return {'MISMATCH'}
    end
  end
end

-- Is every document at its version?

for i = 1, number() do
  local document, version, body = key(), number(), arg()
  local found = tonumber(call('HGET', document, 'v')) or 0
  if found ~= version or body ~= '' and call('HGET', document, 'b') ~= body then
    return {'CONFLICT', i, found}
  end
end

-- Check the quotas. A window begins with the first count, and its key expires with it.

local quotas = {}
for i = 1, number() do
  local name, amount, limit, window = key(), number(), number(), number()
  local used, left_ms = tonumber(call('GET', name)) or 0, call('PTTL', name)
  if limit > 0 and used + math.max(amount, 1) > limit then
    return {'QUOTA', i, used, left_ms}
  end
  quotas[i] = {name = name, amount = amount, window = window, begins = left_ms < 0}
end

-- Check that each pool has a place left. Places given back by this write count as free.

local holders, places = {}, {}
local function count(pool, difference)
  if places[pool] == nil then
    places[pool] = tonumber(call('HGET', KEYS[4], 'count:' .. pool)) or 0
  end
  places[pool] = places[pool] + difference
  return places[pool]
end
for i = 1, number() do
  holders[i] = 'holder:' .. arg()
  for pool in string.gmatch(call('HGET', KEYS[4], holders[i]) or '', '[^\n]+') do
    count(pool, -1)
  end
end
local holder, held = arg(), {}
for i = 1, number() do
  local pool, limit = arg(), number()
  local taken = count(pool, 1)
  if limit > 0 and taken > limit then
    return {'NO_PLACE', i, taken - 1}
  end
  held[i] = pool
end

-- Where does each room end? Its head says so; the stream is asked as well, for an XADD below its end would fail
-- in the middle of the writes.

local publish, channels, rooms, highest = arg(), arg(), {}, 0
for i = 1, number() do
  local stream, head = key(), key()
  local last = tonumber(call('GET', head)) or 0
  local tail = call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  if tail then
    last = math.max(last, tonumber(string.match(tail[1], '^%d+')))
  end
  highest = math.max(highest, last)
  rooms[i] = {stream = stream, head = head, name = arg(), keep = number(), last = last}
end

-- Is there enough in every counter? The moves are tried in order, on a copy.

local left, before_all, short, counter_events = {}, {}, {}, {}
local function news(mode, before, after, low)
  if mode == 'set' then
    return after == 0 and 'empty' or after <= low and 'low' or 'refilled'
  elseif mode == 'give' then
    return before == 0 and after > 0 and 'refilled'
  end
  return before > 0 and after == 0 and 'empty' or before > low and after <= low and 'low'
end
for _ = 1, number() do
  local counter, mode, amount, low, data, time = arg(), arg(), number(), number(), arg(), arg()
  local types, counter_rooms = {empty = arg(), low = arg(), refilled = arg()}, {}
  for i = 1, number() do
    counter_rooms[i] = rooms[number()]
  end
  local before = left[counter]
  if before == nil then
    before = tonumber(call('HGET', KEYS[2], counter)) or false
    before_all[counter] = before
  end
  local after = before
  if mode == 'set' then
    after = amount
  elseif before and mode == 'give' then
    after = before + amount
  elseif before and before < amount then
    short[#short + 1] = counter
    short[#short + 1] = before_all[counter] or before
  elseif before then
    after = before - amount
  end
  left[counter] = after
  local what = after and news(mode, before, after, low)
  if what then
    counter_events[#counter_events + 1] =
      {type = types[what], data = data, time = time, left = after, rooms = counter_rooms}
  end
end
if #short > 0 then
  table.insert(short, 1, 'SHORT')
  return short
end

-- Is this still the log that the caller knows? An old copy may bring back an epoch that had ended.

local meta = call('HMGET', KEYS[1], 'epoch', 'offset')
local epoch, offset = meta[1], tonumber(meta[2]) or 0
if not epoch or ended[epoch] or offset < (seen[epoch] or 0) or offset < highest then
  epoch = new_epoch
  offset = math.max(offset, seen_most, highest)
end

-- From here on, writes only. The counter goes first: HSET is refused when memory or permission to write is
-- lacking, ZREM or EXPIRE would not be.

local documents = {}
for i = 1, number() do
  documents[i] = {key(), arg(), arg()}
end
local events = {}
for i = 1, number() do
  local event = {type = arg(), body = arg(), outbound = arg() == '1', rooms = {}}
  for j = 1, number() do
    event.rooms[j] = rooms[number()]
  end
  events[i] = event
end
for _, event in ipairs(counter_events) do
  local data = event.data .. digits(event.left)
  local body = '{"type":"' .. event.type .. '","at":"' .. event.time .. '","data":' .. data .. '}}'
  events[#events + 1] = {type = event.type, body = body, rooms = event.rooms}
end
local first = #events > 0 and offset + 1 or offset
call('HSET', KEYS[1], 'epoch', epoch, 'offset', digits(offset + #events))

for _, document in ipairs(documents) do
  call('HSET', document[1], 'v', document[2], 'b', document[3])
end

for counter, count in pairs(left) do
  if count then
    call('HSET', KEYS[2], counter, digits(count))
  end
end

for _, quota in ipairs(quotas) do
  if quota.amount > 0 then
    call('INCRBY', quota.name, quota.amount)
    if quota.begins then
      call('EXPIRE', quota.name, quota.window)
    end
  end
end

for _, name in ipairs(holders) do
  call('HDEL', KEYS[4], name)
end
for pool, taken in pairs(places) do
  if taken > 0 then
    call('HSET', KEYS[4], 'count:' .. pool, digits(taken))
  else
    call('HDEL', KEYS[4], 'count:' .. pool)
  end
end
if #held > 0 then
  call('HSET', KEYS[4], 'holder:' .. holder, table.concat(held, '\n'))
end

-- A member of several rooms of an event learns from each copy in which rooms it comes again.
local function later_rooms(event_rooms, i)
  if i == #event_rooms then
    return '-'
  end
  local names = event_rooms[i + 1].name
  for j = i + 2, #event_rooms do
    names = names .. ',' .. event_rooms[j].name
  end
  return names
end

local last_outbound
local function send_out(event, text)
  if not last_outbound then
    local tail = call('XREVRANGE', KEYS[5], '+', '-', 'COUNT', 1)[1]
    last_outbound = tail and tail[1] or '0-0'
  end
  last_outbound = call('XADD', KEYS[5], 'MAXLEN', '~', outbound_kept, '*', 'p', last_outbound, 'e', epoch .. '.' .. text,
    't', event.type, 'b', event.body, 'r', later_rooms(event.rooms, 0))
end

local offsets = {}
for i, event in ipairs(events) do
  offset = offset + 1
  local text = digits(offset)
  offsets[i] = text
  for j, room in ipairs(event.rooms) do
    local prev = digits(room.last)
    if room.keep > 0 then
      call('XADD', room.stream, 'MAXLEN', '~', room.keep, text .. '-0', 'p', prev, 't', event.type, 'b', event.body)
    else
      call('XADD', room.stream, text .. '-0', 'p', prev, 't', event.type, 'b', event.body)
    end
    call('SET', room.head, text, 'KEEPTTL')
    room.last = offset
    local header = epoch .. ' ' .. text .. ' ' .. prev .. ' ' .. event.type .. ' ' .. later_rooms(event.rooms, j)
    call(publish, channels .. room.name, header .. '\n' .. event.body)
  end
  if event.outbound then
    send_out(event, text)
  end
end

for _ = 1, number() do
  local index, member, present, keep, score = key(), arg(), arg(), number(), arg()
  if present == '1' then
    call('ZADD', index, score ~= '' and score or digits(first), member)
    if keep > 0 then
      call('ZREMRANGEBYRANK', index, 0, -1 - keep)
    end
  else
    call('ZREM', index, member)
  end
end

for _ = 1, number() do
  local list = key()
  call('LPUSH', list, arg())
  call('LTRIM', list, 0, samples_kept - 1)
end

for _ = 1, number() do
  local counts = key()
  call('HINCRBY', counts, arg(), arg())
  call('EXPIRE', counts, arg())
end

for _ = 1, number() do
  call('XADD', KEYS[3], '*', 'p', arg())
end

for _ = 1, number() do
  local keys, seconds = number(), number()
  for _ = 1, keys do
    if seconds ~= 0 then
      call('EXPIRE', key(), seconds)
    else
      call('PERSIST', key())
    end
  end
end

local head = digits(offset)
if command then
  local known = {fingerprint, epoch, head, table.concat(offsets, ','), result}
  call('SET', command, table.concat(known, '\n'), 'EX', math.abs(command_ttl))
end

local reply = {'OK', epoch, head}
for i, text in ipairs(offsets) do
  reply[i + 3] = text
end
return reply
