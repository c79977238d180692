-- Discard takes a failed order off the list for good: what was in the order is dropped, what became of it is
-- kept for the retention, so that sending it again is still recognised.
--
-- ARGV[4] the generation that failed; ARGV[5] retention in ms
-- Returns discarded, or stale (the record as it stands). Run again, it answers as before.
local r = load('state', 'gen', 'lane', 'fp', 'fields', 'attempts', 'uncertain', 'accepted', 'settled',
  'code', 'message', 'surplus', 'was', 'last', 'log', 'batches')
if r.state ~= 'failed' or r.gen ~= ARGV[4] then return standing('stale') end
if redis.call('DEL', payload) + redis.call('HDEL', record, 'order') == 0 then return { 'discarded' } end

redis.call('ZREM', failed, key)
rewrite({ 'state', 'failed', 'gen', r.gen, 'lane', r.lane, 'fp', r.fp, 'fields', r.fields, 'attempts', r.attempts,
  'uncertain', r.uncertain == '1' and '1', 'accepted', r.accepted, 'settled', r.settled,
  'code', r.code, 'message', r.message, 'surplus', r.surplus,
  'was', r.was, 'last', r.last, 'batches', r.batches }, r.log)
redis.call('PEXPIRE', record, ARGV[5])
return { 'discarded' }
