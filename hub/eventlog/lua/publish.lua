-- A volatile event: to whoever listens now, and nowhere else.
--
-- KEYS  1 meta
-- ARGV  1 channel, 2 type, 3 body, 4 what it is about
-- RETURNS  nothing
--
-- A script for the epoch's sake: a reader that is told a wrong one would think that the log had begun anew.

local epoch = redis.call('HGET', KEYS[1], 'epoch') or '-'
redis.call('PUBLISH', ARGV[1], epoch .. ' 0 0 ' .. ARGV[2] .. ' ' .. ARGV[4] .. '\n' .. ARGV[3])
