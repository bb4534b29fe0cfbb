-- Gives a reader's lease back, if it is still its owner's.
--
-- KEYS  1 lease
-- ARGV  owner
-- RETURNS  1: it was; 0: another has it, or nobody

if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
