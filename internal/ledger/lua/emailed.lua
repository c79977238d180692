-- Emailed reports what became of an attempt to send an email. (The KEYS that record.lua names for lanes and breakers are here
-- those of emails.)
--
-- ARGV[4] generation; ARGV[5] nonce, or '' for one that ClaimEmail called lost; ARGV[6] sent, failed, gone (it may have
-- been sent), back (try again), paced (not tried: its turn comes later) or trip (mails of the merchant do not go out: hold them); ARGV[7] code; ARGV[8] message;
-- ARGV[9] the event's data, open-ended; ARGV[10] ms before which nobody need look; ARGV[11] retention in ms;
-- ARGV[12] '1' if the attempt was the breaker's probe; ARGV[13] how often an email may be sent again although it may have
-- gone out; ARGV[14] ms for which to open the breaker at first; ARGV[15] longest such time; ARGV[16] µs between two slots
-- of the merchant's rate of emails, if this one's is at that time, or 0; ARGV[17] '1' if what trips may be about this email
-- alone; ARGV[18] how often it may trip a closed breaker then
-- Returns sent, failed, back or held, or stale when the attempt no longer holds the email.
-- Run again with its nonce, it answers as before.
local gen, nonce, verdict = ARGV[4], ARGV[5], ARGV[6]
local r = load('state', 'gen', 'lane', 'fp', 'fields', 'token', 'attempts', 'uncertain', 'accepted', 'settled', 'link', 'url', 'url2',
  'amount', 'currency', 'surplus', 'was', 'batches', 'mail', 'mn', 'mexcused', 'mgone', 'mrun', 'mtrips', 'parked', 'log')
if r.state ~= 'issued' or r.gen ~= gen then return { 'stale' } end
if nonce ~= '' then
  if r.token ~= nonce then return { 'stale' } end
  if r.mail == 'failed' then return { 'failed' } end
  if r.mail == 'pending' then return { r.parked and 'held' or 'back' } end
  if r.mail == 'sent' then return { 'sent' } end
  if r.mail ~= 'sending' then return { 'stale' } end
elseif r.mail ~= 'pending' or tonumber(r.mgone or 0) <= tonumber(ARGV[13]) then
  return { r.mail == 'failed' and 'failed' or 'stale' }
end

local ms = math.floor(microseconds() / 1000)
if verdict == 'gone' then
  if nonce ~= '' then r.mgone = whole((r.mgone or 0) + 1) end
  verdict = tonumber(r.mgone) > tonumber(ARGV[13]) and 'failed' or 'back'
  redis.call('HSET', record, 'mgone', r.mgone)
end
-- An email that trips while others go out is what is wrong: it would hold them up again and again.
if verdict == 'trip' and ARGV[17] == '1' and redis.call('EXISTS', breaker) == 0 then
  r.mtrips = whole((r.mtrips or 0) + 1)
  if tonumber(r.mtrips) > tonumber(ARGV[18]) then verdict = 'failed' else redis.call('HSET', record, 'mtrips', r.mtrips) end
end
local function id(kind) return key .. ':' .. gen .. ':' .. kind .. (r.mrun and ':' .. r.mrun or '') end
local doubtful = r.mgone and '1'

if verdict == 'sent' then
  settle('bulk')
  redis.call('DEL', breaker)
  publish(ms, 'email.sent', gen, ARGV[9], r.mn, doubtful, r.batches, id('email.sent'))
  rewrite({ 'state', 'issued', 'gen', gen, 'lane', r.lane, 'fp', r.fp, 'fields', r.fields, 'attempts', r.attempts,
    'uncertain', r.uncertain, 'accepted', r.accepted, 'settled', r.settled, 'link', r.link, 'url', r.url, 'url2', r.url2,
    'amount', r.amount, 'currency', r.currency, 'surplus', r.surplus, 'was', r.was, 'batches', r.batches,
    'mail', 'sent', 'mailed', whole(ms), 'mgone', r.mgone, 'token', nonce }, r.log)
  redis.call('DEL', payload)
  redis.call('PEXPIRE', record, ARGV[11])
  return { 'sent' }
end
if verdict == 'failed' then
  redis.call('HSET', record, 'mail', 'failed', 'mcode', ARGV[7], 'mmessage', ARGV[8], 'mfailed', whole(ms),
    'log', note(r.log, ms, gen, 'mail failed', ARGV[7]))
  settle('bulk')
  if ARGV[12] == '1' then next_probe(ms) end
  redis.call('ZADD', failed, ms, key)
  publish(ms, 'email.failed', gen, ARGV[9], r.mn or '0', doubtful, r.batches, id('email.failed'))
  return { 'failed' }
end

lift('bulk')
if verdict == 'trip' then
  trip(ms, tonumber(ARGV[14]), tonumber(ARGV[15]), ARGV[8], ARGV[12] == '1')
  redis.call('HSET', record, 'mail', 'pending', 'log', note(r.log, ms, gen, 'mail held', ARGV[7]))
  redis.call('HDEL', record, 'mslot')
  park(ms, 'bulk')
  return { 'held' }
end
if ARGV[12] == '1' then next_probe(ms) end
local wait = whole(ms + ARGV[10])
if verdict == 'paced' then
  -- It was no attempt, and its age, which begins with the first one, is without this wait.
  r.mn = whole(r.mn - 1)
  if r.mn == '0' then
    redis.call('HDEL', record, 'mfirst', 'mexcused')
  else
    redis.call('HSET', record, 'mexcused', whole((r.mexcused or 0) + ARGV[10]))
  end
end
redis.call('HSET', record, 'mail', 'pending', 'mn', r.mn or '0', 'mslot', ARGV[16], 'wait', wait, 'why', ARGV[8], 'log', note(r.log, ms, gen, 'mail put back', ARGV[7]))
redis.call('ZADD', queued.bulk, wait, key)
return { 'back' }
