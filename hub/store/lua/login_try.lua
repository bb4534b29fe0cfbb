-- Counts one login try before its PIN is verified, or returns the time for which the caller has to wait.
--
-- Each counter is the time (ms) at which it will be empty again: a try adds `every`, and one is refused while that
-- would take the counter more than `tries * every` past now. A refused try is not counted, so no wait exceeds `every`.
--
-- KEYS  1 the account's known devices, 2 its known addresses,
--       counters: 3 of the known device, 4 of name and address together, 5 of the address, 6 of the name
-- ARGV  1 the device ('': none), 2 the address, then for KEYS[3], KEYS[4]… : tries (0: no limit), every (ms)
-- RETURNS  {first and last of KEYS that were checked, ms to wait (0: the try is counted)}
--
-- A known device has a counter of its own. From a known address, other callers' guesses at the name cause no wait.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local first, last = 4, 6
if ARGV[1] ~= '' and redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  first, last = 3, 3
elseif redis.call('ZSCORE', KEYS[2], ARGV[2]) then
  last = 5
end

local empty_at, wait = {}, 0
for i = first, last do
  local tries, every = tonumber(ARGV[2 * i - 3]), tonumber(ARGV[2 * i - 2])
  if tries > 0 and every > 0 then
    empty_at[i] = math.max(now, tonumber(redis.call('GET', KEYS[i])) or 0) + every
    wait = math.max(wait, math.min(every, empty_at[i] - tries * every - now))
  end
end
if wait > 0 then return {first, last, wait} end

for i, at in pairs(empty_at) do
  redis.call('SET', KEYS[i], string.format('%.0f', at), 'PX', string.format('%.0f', at - now))
end
return {first, last, 0}
