-- Cancel fails an order of a batch that was never sent to the gateway: nobody works on it, and no link may exist.
--
-- ARGV[4] the batch; ARGV[5] code; ARGV[6] message; ARGV[7] the event's data, open-ended
-- Returns failed, or kept when the order is not in the batch, is settled, under way, was tried before, or is in another
-- batch as well.
-- Run again, it answers as before.
local r = load('state', 'gen', 'lane', 'attempts', 'uncertain', 'batches', 'code')
if r.state == 'failed' and r.code == ARGV[5] then return { 'failed' } end -- it was, and the reply was lost
if r.state ~= 'queued' or r.attempts ~= '0' or r.uncertain == '1' or r.batches ~= ARGV[4] then return { 'kept' } end

local ms = math.floor(microseconds() / 1000)
redis.call('HSET', record, 'state', 'failed', 'code', ARGV[5], 'message', ARGV[6], 'settled', whole(ms), 'uncertain', '0', 'token', '')
redis.call('HDEL', record, 'parked', 'wait')
settle(r.lane)
redis.call('ZADD', failed, ms, key)
publish(ms, 'link.failed', r.gen, ARGV[7], '0', '0', r.batches)
move(batches, r.batches, 'open', 'failed')
finish_all(batches, results, ms, r.batches)
return { 'failed' }
