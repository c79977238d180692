-- Replay opens a new generation of a failed order, with the order as it was kept.
--
-- ARGV[4] the generation that failed; ARGV[5] nonce
-- Returns accepted (gen, lane, task) or stale (the record as it stands).
-- Run again with its nonce before anybody claimed the order, it answers as before.
local gen, nonce = ARGV[4], ARGV[5]
local r = load('state', 'gen', 'lane', 'fp', 'fields', 'token', 'task', 'uncertain', 'surplus',
  'was', 'last', 'mail', 'trace')
if r.state == 'queued' and r.token == nonce then
  return answer('accepted', { 'gen', r.gen, 'lane', r.lane, 'task', r.task })
end
if r.state ~= 'failed' or r.gen ~= gen or not ordered() then return standing('stale') end

trace = r.trace or '' -- it is the same story still
local stamp = begin(whole(gen + 1), nonce, r.lane, r.fp, r.fields, ordered(), r.mail and '1' or '', r)
return answer('accepted', { 'gen', whole(gen + 1), 'lane', r.lane, 'task', stamp })
