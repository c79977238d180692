-- End fails an order by hand that nobody works on: it waits, for its task, its time or its merchant's breaker, or the
-- lease of its last attempt has run out, and nobody has taken note.
--
-- ARGV[4] generation; ARGV[5] code; ARGV[6] message; ARGV[7] the event's data, open-ended; ARGV[8] '1' if a link may exist
-- Returns failed; busy when an attempt holds it; or stale when it is settled, or in another generation.
-- Run again, it answers as before.
local gen, code = ARGV[4], ARGV[5]
local r = load('state', 'gen', 'lane', 'attempts', 'uncertain', 'batches', 'code', 'lease')
if r.gen == gen and r.state == 'failed' and r.code == code then return { 'failed' } end -- it was, and the reply was lost
if r.gen ~= gen or r.state ~= 'queued' and r.state ~= 'sending' then return { 'stale' } end
local ms = math.floor(microseconds() / 1000)
if r.state == 'sending' and tonumber(r.lease) > ms then return { 'busy' } end
if r.state == 'sending' or ARGV[8] == '1' then r.uncertain = '1' end
redis.call('HSET', record, 'state', 'failed', 'code', code, 'message', ARGV[6], 'settled', whole(ms), 'uncertain', r.uncertain or '0', 'token', '')
redis.call('HDEL', record, 'parked', 'wait')
settle(r.lane)
redis.call('ZADD', failed, ms, key)
publish(ms, 'link.failed', gen, ARGV[7], r.attempts, r.uncertain, r.batches)
move(batches, r.batches, 'open', 'failed')
finish_all(batches, results, ms, r.batches)
return { 'failed' }
