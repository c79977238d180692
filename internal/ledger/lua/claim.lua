-- Claim gives one worker the lease of an order.
--
-- ARGV[4] nonce; ARGV[5] lease in ms; ARGV[6] the worker's id
-- Returns granted (all about the attempt: values alone, in the order of claim.go's attemptOf), issued, failed (the record as it stands), busy or early (wait: ms until it is worth asking again), held (the breaker is open), unknown.
-- Run again with its nonce while the attempt holds the order, it answers as before.
local nonce = ARGV[4]

local r = load('state', 'gen', 'lane', 'token', 'lease', 'wait', 'n', 'attempts', 'uncertain', 'first', 'excused',
  'order', 'by', 'parked', 'slot', 'probe', 'log', 'mail', 'accepted', 'trace')
if not r.state then
  if lift('interactive') + lift('bulk') > 0 then redis.call('HINCRBY', open_orders, merchant, -1) end
  return { 'unknown' }
end
if r.state == 'issued' or r.state == 'failed' then return standing(r.state) end

local ms = math.floor(microseconds() / 1000)
r.uncertain = r.uncertain or '0'
local again = r.state == 'sending' and r.token == nonce
if not again then
  if r.state == 'sending' then
    local alive = r.by == '' or redis.call('ZSCORE', workers, r.by)
    if alive and tonumber(r.lease) > ms then return { 'busy', 'wait', whole(r.lease - ms) } end
    r.uncertain = '1' -- the attempt before may have minted a link and never said so
    redis.call('HSET', record, 'log', note(r.log, ms, r.gen, 'lost'))
  elseif tonumber(r.wait or 0) > ms then
    return { 'early', 'wait', whole(r.wait - ms) }
  end
  local open, probe = held_until(ms, tonumber(ARGV[5]))
  if open then
    lift(r.lane)
    redis.call('HSET', record, 'state', 'queued', 'uncertain', r.uncertain)
    park(tonumber(r.parked) or ms, r.lane)
    return { 'held' }
  end
  if r.parked and r.first then r.excused = whole((r.excused or 0) + ms - r.parked) end
  r.probe = probe and '1' or ''
  r.n, r.attempts, r.first = whole(r.n + 1), whole(r.attempts + 1), r.first or whole(ms)
  r.lease = whole(ms + ARGV[5])
  redis.call('HSET', record, 'state', 'sending', 'token', nonce, 'by', ARGV[6], 'lease', r.lease, 'n', r.n,
    'attempts', r.attempts, 'first', r.first, 'uncertain', r.uncertain, 'excused', r.excused or '0', 'probe', r.probe)
  if r.parked then redis.call('HDEL', record, 'parked') end
  lift(r.lane, queued)
  redis.call('ZADD', sending[r.lane], r.lease, key)
end
return { 'granted', r.gen, r.n, r.lane, r.attempts, r.uncertain, whole(r.lease - ms),
  whole(ms - r.first - (r.excused or 0)), whole(ms), r.order or '', r.probe or '', r.slot or '', r.mail or '', r.accepted or '', r.trace or '' }
