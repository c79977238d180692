-- OpenBatch begins a batch, or opens a sealed one again: for another run if it has finished.
--
-- KEYS[1] batches; KEYS[2] batches by the time they were opened (zset: id, ms); KEYS[3] the batch's orders (list)
-- ARGV[1] id; ARGV[2] label; ARGV[3] '1' to open it again if it is sealed; ARGV[4] '1' if other partitions have some of its orders
-- Returns its state, run and whether it is sealed.
local id, ms = ARGV[1], string.format('%.0f', math.floor(microseconds() / 1000))
local b = of_batch(KEYS[1], id, 'state', 'run', 'sealed', 'cancelled')
if not b.state then
  b = { state = 'running', run = '1', sealed = '0' }
  redis.call('ZADD', KEYS[2], ms, id)
  redis.call('HSET', KEYS[1], id .. ' state', b.state, id .. ' run', b.run, id .. ' sealed', '0', id .. ' created', ms, id .. ' label', ARGV[2])
elseif b.sealed == '1' and b.state ~= 'running' and ARGV[3] == '1' then
  b = { state = 'running', run = string.format('%d', b.run + 1), sealed = '0' }
  redis.call('ZADD', KEYS[2], ms, id)
  redis.call('HSET', KEYS[1], id .. ' state', b.state, id .. ' run', b.run, id .. ' sealed', '0', id .. ' refused', '0')
  redis.call('HDEL', KEYS[1], id .. ' cancelled', id .. ' finished')
  redis.call('PERSIST', KEYS[3])
elseif b.sealed == '1' and not b.cancelled and ARGV[3] == '1' then
  b.sealed = '0'
  redis.call('HSET', KEYS[1], id .. ' sealed', '0', id .. ' refused', '0')
  redis.call('PERSIST', KEYS[3])
end
if ARGV[4] == '1' and b.state == 'running' then redis.call('HSET', KEYS[1], id .. ' parts', '1') end
return { b.state, b.run, b.sealed }
