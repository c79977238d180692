-- SealBatch says that all orders of a batch's run are in, or that it is given up: then no more come in.
--
-- KEYS[1] batches; KEYS[2] the batch's orders (list); KEYS[3] the result stream
-- ARGV[1] id; ARGV[2] run; ARGV[3] how many were refused; ARGV[4] '1' to give it up; ARGV[5] retention in ms
-- Returns the batch's state, or '' when there is no such batch or run.
local id = ARGV[1]
local b = of_batch(KEYS[1], id, 'state', 'run', 'sealed')
if not b.state or b.run ~= ARGV[2] then return '' end
if b.state == 'running' then
  if ARGV[4] == '1' then redis.call('HSET', KEYS[1], id .. ' cancelled', '1') end
  if b.sealed ~= '1' then redis.call('HSET', KEYS[1], id .. ' sealed', '1', id .. ' refused', ARGV[3]) end
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
  finish(KEYS[1], KEYS[3], math.floor(microseconds() / 1000), id)
end
return redis.call('HGET', KEYS[1], id .. ' state')
