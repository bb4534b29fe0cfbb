-- Publishes a volatile event to a room's present members. Stores nothing.
--
-- KEYS  1 meta
-- ARGV  1 channel, 2 type, 3 body, 4 subject, 5 the command that publishes (PUBLISH, or SPUBLISH in a cluster)
-- RETURNS  nothing
--
-- A script, because the message names the epoch: a reader that got a wrong one would take the log for a new one.

local epoch = redis.call('HGET', KEYS[1], 'epoch') or '-'
redis.call(ARGV[5], ARGV[1], epoch .. ' 0 0 ' .. ARGV[2] .. ' ' .. ARGV[4] .. '\n' .. ARGV[3])
