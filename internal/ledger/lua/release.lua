-- Release gives the lease back without a link: the order is queued again, or held by its merchant's breaker.
--
-- ARGV[4] generation; ARGV[5] nonce; ARGV[6] '1' if the gateway was asked; ARGV[7] '1' if a link may have
-- been minted; ARGV[8] '1' if the wait is not the order's fault and does not make it older;
-- ARGV[9] ms before which nobody need look; ARGV[10] why it waits; ARGV[11] µs between two slots of the
-- rate limit if the order has its slot at that time, or 0; ARGV[12] ms for which to open the breaker at first, 0 to close it, or '' to leave it;
-- ARGV[13] longest such time; ARGV[14] '1' if the attempt was the breaker's probe
-- Returns released, held, or stale when the attempt no longer holds the order.
-- Run again with its nonce, it answers as before.
local function brief(why) return string.match(why, '^[^:]*') end

local gen, nonce, delay = ARGV[4], ARGV[5], tonumber(ARGV[9])
local r = load('state', 'gen', 'token', 'lane', 'attempts', 'uncertain', 'excused', 'parked', 'log')
if r.gen ~= gen or r.token ~= nonce then return { 'stale' } end
if r.state == 'queued' then return { r.parked and 'held' or 'released' } end
if r.state ~= 'sending' then return { 'stale' } end

local ms = math.floor(microseconds() / 1000)
if ARGV[6] ~= '1' then
  r.attempts = whole(r.attempts - 1)
  if r.attempts == '0' and ARGV[8] == '1' then
    -- Its age counts from the first attempt that was not put off, and so do the waits that are left out.
    redis.call('HDEL', record, 'first', 'excused')
    r.excused, ARGV[8] = nil, ''
  end
end
if ARGV[7] == '1' then r.uncertain = '1' end
lift(r.lane, sending)

if ARGV[12] == '0' then redis.call('DEL', breaker) elseif ARGV[12] == '' and ARGV[14] == '1' then next_probe(ms) end
if ARGV[12] ~= '' and ARGV[12] ~= '0' then
  trip(ms, tonumber(ARGV[12]), tonumber(ARGV[13]), ARGV[10], ARGV[14] == '1')
  redis.call('HSET', record, 'state', 'queued', 'attempts', r.attempts, 'uncertain', r.uncertain or '0',
    'log', note(r.log, ms, gen, 'held', brief(ARGV[10])))
  park(ms, r.lane)
  return { 'held' }
end
local wait = whole(ms + delay)
if ARGV[8] == '1' then r.excused = whole((r.excused or 0) + delay) end
redis.call('HSET', record, 'state', 'queued', 'attempts', r.attempts, 'uncertain', r.uncertain or '0',
  'excused', r.excused or '0', 'wait', wait, 'why', ARGV[10], 'slot', ARGV[11],
  'log', note(r.log, ms, gen, 'put back', brief(ARGV[10])))
redis.call('ZADD', queued[r.lane], wait, key)
return { 'released' }
