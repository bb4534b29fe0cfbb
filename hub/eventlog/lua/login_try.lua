-- Counts one try to log in, before its PIN is looked at; or says how long the caller has to wait.
--
-- Each counter is the time (ms) at which it will be empty again: a try adds `every`, and one is refused while that
-- would take the counter more than `tries * every` past now. A refused try is not counted, so no wait exceeds `every`.
--
-- KEYS  1 the account's known devices, 2 the counter of a known device, 3… the counters of everybody else
-- ARGV  1 the device ('': none), then for KEYS[2], KEYS[3]… : tries (0: no limit), every (ms)
-- RETURNS  {1 or 0: the device is known, ms to wait (0: the try is counted)}

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local known = ARGV[1] ~= '' and redis.call('ZSCORE', KEYS[1], ARGV[1]) and 1 or 0
local first, last = 3, #KEYS
if known == 1 then first, last = 2, 2 end

local empty_at, wait = {}, 0
for i = first, last do
  local tries, every = tonumber(ARGV[2 * i - 2]), tonumber(ARGV[2 * i - 1])
  if tries > 0 and every > 0 then
    empty_at[i] = math.max(now, tonumber(redis.call('GET', KEYS[i])) or 0) + every
    wait = math.max(wait, math.min(every, empty_at[i] - tries * every - now))
  end
end
if wait > 0 then return {known, wait} end

for i, at in pairs(empty_at) do
  redis.call('SET', KEYS[i], string.format('%.0f', at), 'PX', string.format('%.0f', at - now))
end
return {known, 0}
