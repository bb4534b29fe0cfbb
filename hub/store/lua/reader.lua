-- Takes or keeps the lease on a reader's name, and moves the reader's cursor.
--
-- KEYS  1 lease, 2 cursor
-- ARGV  owner · ms of the lease · the cursor as the owner knows it · the new cursor
--       both cursors empty: only take the lease, or keep it
-- RETURNS  {1, cursor}: the owner has the lease, and this is the cursor (empty: none yet)
--          {0, cursor}: another has it, or the cursor is not where the owner knew it; nothing was changed

local call = redis.call
local owner, cursor = call('GET', KEYS[1]), call('GET', KEYS[2]) or ''
if owner and owner ~= ARGV[1] then
  return {0, cursor}
end
if ARGV[4] ~= '' then
  if cursor ~= ARGV[3] then
    return {0, cursor}
  end
  call('SET', KEYS[2], ARGV[4])
  cursor = ARGV[4]
end
call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1, cursor}
