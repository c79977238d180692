-- Claim gives one worker the lease of an order.
--
-- nonce: of this attempt; lease_for: the lease in ms; worker: its id
-- Returns granted (all about the attempt: values alone, in the order of claim.go's attemptOf), issued, failed (the record as
-- it stands), busy or early (wait: ms until it is worth asking again), held (the breaker is open), unknown.
-- Run again with its nonce while the attempt holds the order, it answers as before.
local function claim(nonce, lease_for, worker)
  -- (Into locals, not into a table as elsewhere: this runs for every order.)
  local state, gen, lane, token, lease, wait, n, attempts, uncertain, first, excused, by, parked, slot, probe, log, mail,
    accepted, traced = unpack(redis.call('HMGET', record, 'state', 'gen', 'lane', 'token', 'lease', 'wait', 'n', 'attempts',
    'uncertain', 'first', 'excused', 'by', 'parked', 'slot', 'probe', 'log', 'mail', 'accepted', 'trace'))
  if not state then
    if lift('interactive') + lift('bulk') > 0 then redis.call('HINCRBY', open_orders, merchant, -1) end
    return { 'unknown' }
  end
  if state == 'issued' or state == 'failed' then return standing(state) end

  local ms = math.floor(microseconds() / 1000)
  uncertain = uncertain or '0'
  local again = state == 'sending' and token == nonce
  if not again then
    if state == 'sending' then
      local alive = by == '' or redis.call('ZSCORE', workers, by)
      if alive and tonumber(lease) > ms then return { 'busy', 'wait', whole(lease - ms) } end
      uncertain = '1' -- the attempt before may have minted a link and never said so
      redis.call('HSET', record, 'log', note(log, ms, gen, 'lost'))
    elseif tonumber(wait or 0) > ms then
      return { 'early', 'wait', whole(wait - ms) }
    end
    local open, trying = held_until(ms, tonumber(lease_for))
    if open then
      lift(lane)
      redis.call('HSET', record, 'state', 'queued', 'uncertain', uncertain)
      park(tonumber(parked) or ms, lane)
      return { 'held' }
    end
    if parked and first then excused = whole((excused or 0) + ms - parked) end
    probe = trying and '1' or ''
    n, attempts, first = whole(n + 1), whole(attempts + 1), first or whole(ms)
    lease = whole(ms + lease_for)
    redis.call('HSET', record, 'state', 'sending', 'token', nonce, 'by', worker, 'lease', lease, 'n', n,
      'attempts', attempts, 'first', first, 'uncertain', uncertain, 'excused', excused or '0', 'probe', probe)
    if parked then redis.call('HDEL', record, 'parked') end
    lift(lane, queued)
    redis.call('ZADD', sending[lane], lease, key)
  end
  return { 'granted', gen, n, lane, attempts, uncertain, whole(lease - ms),
    whole(ms - first - (excused or 0)), whole(ms), ordered() or '', probe or '', slot or '', mail or '', accepted or '', traced or '' }
end
