-- ClaimEmail gives one worker the lease of the email that is owed for an order. (The KEYS that record.lua names for lanes
-- and breakers are here those of emails.)
--
-- ARGV[4] nonce; ARGV[5] lease in ms; ARGV[6] the worker's id; ARGV[7] how often an email may be sent again although it
-- may have gone out
-- Returns granted (all about the attempt), done (nothing is owed, or not yet), busy or early (wait: ms until it is worth
-- asking again), held (mails of the merchant do not go out now), or lost (it was given up: it may have gone out).
-- Run again with its nonce while the attempt holds the email, it answers as before.
local nonce = ARGV[4]
local r = load('state', 'gen', 'lane', 'token', 'lease', 'wait', 'by', 'parked', 'probe', 'link', 'url', 'url2', 'amount',
  'currency', 'mail', 'mn', 'mfirst', 'mgone', 'mrun', 'mexcused', 'mslot', 'log', 'accepted', 'settled', 'trace')
if r.state ~= 'issued' or (r.mail ~= 'pending' and r.mail ~= 'sending') then
  if lift('bulk') > 0 and not r.state then redis.call('HINCRBY', open_orders, merchant, -1) end
  return { 'done' }
end

if tonumber(r.mgone or 0) > tonumber(ARGV[7]) then return answer('lost', { 'gen', r.gen, 'order', ordered(), 'accepted', r.accepted, 'settled', r.settled, 'trace', r.trace }) end

local ms = math.floor(microseconds() / 1000)
if not (r.mail == 'sending' and r.token == nonce) then
  if r.mail == 'sending' then
    local alive = r.by == '' or redis.call('ZSCORE', workers, r.by)
    if alive and tonumber(r.lease) > ms then return { 'busy', 'wait', whole(r.lease - ms) } end
    r.mgone = whole((r.mgone or 0) + 1) -- the attempt before may have sent it and never said so
    r.log, r.mslot = note(r.log, ms, r.gen, 'mail lost'), false
    redis.call('HSET', record, 'mail', 'pending', 'mgone', r.mgone, 'log', r.log)
    redis.call('HDEL', record, 'mslot')
    if r.probe == '1' then next_probe(ms) end -- it will show nothing any more, and its lease is long
    if tonumber(r.mgone) > tonumber(ARGV[7]) then
      lift('bulk')
      redis.call('ZADD', queued.bulk, whole(ms), key)
      return answer('lost', { 'gen', r.gen, 'order', ordered(), 'accepted', r.accepted, 'settled', r.settled, 'trace', r.trace })
    end
  elseif tonumber(r.wait or 0) > ms then
    return { 'early', 'wait', whole(r.wait - ms) }
  end
  local open, probe = held_until(ms, tonumber(ARGV[5]))
  if open then
    lift('bulk')
    redis.call('HSET', record, 'mail', 'pending')
    redis.call('HDEL', record, 'mslot')
    park(tonumber(r.parked) or ms, 'bulk')
    return { 'held' }
  end
  if r.parked and r.mfirst then r.mexcused = whole((r.mexcused or 0) + ms - r.parked) end
  r.probe, r.mn, r.mfirst, r.lease = probe and '1' or '', whole((r.mn or 0) + 1), r.mfirst or whole(ms), whole(ms + ARGV[5])
  redis.call('HSET', record, 'mail', 'sending', 'token', nonce, 'by', ARGV[6], 'lease', r.lease, 'mn', r.mn, 'mfirst', r.mfirst,
    'mexcused', r.mexcused or '0', 'probe', r.probe)
  redis.call('HDEL', record, 'parked', 'wait', 'why')
  lift('bulk')
  redis.call('ZADD', sending.bulk, r.lease, key)
end
return answer('granted', { 'gen', r.gen, 'n', r.mn, 'lease', whole(r.lease - ms), 'age', whole(ms - r.mfirst - (r.mexcused or 0)),
  'now', whole(ms), 'order', ordered(), 'link', r.link, 'url', r.url .. (r.url2 or ''), 'amount', r.amount, 'currency', r.currency,
  'gone', r.mgone, 'probe', r.probe, 'slot', r.mslot, 'accepted', r.accepted,
  'settled', r.settled, 'trace', r.trace })
