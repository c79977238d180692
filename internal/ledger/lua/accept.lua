-- Accept takes an order into the ledger, once.
--
-- ARGV[4] nonce; ARGV[5] lane; ARGV[6] fingerprints; ARGV[7] hashes of the top-level fields;
-- ARGV[8] the order, opaque; ARGV[9] generation to reissue, or ''; ARGV[10] how many orders of the merchant may be open,
-- or 0 for any number
-- Returns accepted (gen, task), known (the record as it stands), conflict (likewise), or full (nothing was stored).
-- Run again with its nonce before anybody claimed the order, it answers as before.
local decision, stamp = admit(ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10]))
if decision == 'accepted' then
  return answer('accepted', { 'gen', redis.call('HGET', record, 'gen'), 'task', stamp })
end
if decision == 'full' then return { 'full' } end
return standing(decision)
