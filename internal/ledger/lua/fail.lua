-- Fail ends an order's generation without a link. The order is kept, so that it can be replayed.
--
-- ARGV[4] generation; ARGV[5] nonce; ARGV[6] '1' if the gateway was asked; ARGV[7] code; ARGV[8] message;
-- ARGV[9] the event's data, open-ended; ARGV[10] '1' if the answer shows that the gateway is well;
-- ARGV[11] '1' if the attempt was the breaker's probe; ARGV[12] '1' if the attempt may have minted a link
-- Returns failed, or stale when the attempt no longer holds the order.
-- Run again with its nonce, it answers as before.
local gen, nonce = ARGV[4], ARGV[5]
local r = load('state', 'gen', 'token', 'lane', 'attempts', 'uncertain', 'batches')
if r.gen ~= gen or r.token ~= nonce then return { 'stale' } end
if r.state == 'failed' then return { 'failed' } end
if r.state ~= 'sending' then return { 'stale' } end

local ms = math.floor(microseconds() / 1000)
if ARGV[12] == '1' then r.uncertain = '1' end
if ARGV[6] ~= '1' then r.attempts = whole(r.attempts - 1) end
redis.call('HSET', record, 'state', 'failed', 'attempts', r.attempts, 'code', ARGV[7], 'message', ARGV[8], 'settled', whole(ms),
  'uncertain', r.uncertain or '0')
settle(r.lane)
if ARGV[10] == '1' then redis.call('DEL', breaker) elseif ARGV[11] == '1' then next_probe(ms) end
redis.call('ZADD', failed, ms, key)
publish(ms, 'link.failed', gen, ARGV[9], r.attempts, r.uncertain, r.batches)
move(batches, r.batches, 'open', 'failed')
finish_all(batches, results, ms, r.batches)
return { 'failed' }
