-- Takes a counted try back from some counters (see login_try.lua).
--
-- KEYS  the counters
-- ARGV  for each: ms that the try added; 0 empties the counter
-- RETURNS  nothing

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
for i, key in ipairs(KEYS) do
  local every = tonumber(ARGV[i])
  local at = (tonumber(redis.call('GET', key)) or 0) - every
  if every == 0 or at <= now then
    redis.call('DEL', key)
  else
    redis.call('SET', key, string.format('%.0f', at), 'PX', string.format('%.0f', at - now))
  end
end
