-- Gives some keys another lifetime.
--
-- KEYS  one a key
-- ARGV  1 milliseconds
-- RETURNS  {1 or 0: it is there, or not any more …}

local there = {}
for i, key in ipairs(KEYS) do
  there[i] = redis.call('PEXPIRE', key, ARGV[1])
end
return there
