-- Removes a job from its queue.
--
-- KEYS  1 the queue's stream; then keys to delete with it
-- ARGV  1 consumer group, 2 entry
-- RETURNS  nothing
--
-- An entry that is acknowledged but still in the stream would look like one that no worker has taken. A group that is
-- gone has nothing to acknowledge.

redis.pcall('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
for i = 2, #KEYS do
  redis.call('DEL', KEYS[i])
end
