-- Keeps a request to stop a job, and tells the workers.
--
-- KEYS  1 the request
-- ARGV  1 name of the person who stops it, 2 seconds to keep that, 3 the command that publishes, 4 channel, 5 message
-- RETURNS  nothing

redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call(ARGV[3], ARGV[4], ARGV[5])
