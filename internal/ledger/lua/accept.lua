-- Accept takes an order into the ledger, once.
--
-- KEYS[12] the orders of the batch (list), if it is handed in with one
-- ARGV[4] nonce; ARGV[5] lane; ARGV[6] fingerprints; ARGV[7] hashes of the top-level fields;
-- ARGV[8] the order, opaque; ARGV[9] generation to reissue, or ''; ARGV[10] how many orders of the merchant may be open,
-- or 0 for any number; ARGV[11] the batch, or ''; ARGV[12] '1' to only say what it would answer;
-- ARGV[13] '1' if the link is to be sent by email; ARGV[14] the trace context that it came with, or '';
-- ARGV[15] the version of the layout by which it comes here, or -1 to take it in only if it is known
-- Returns accepted (gen, task), known (the record as it stands), conflict (likewise), full, closed or moved (nothing was stored:
-- too much is open, the batch takes no more orders, or other partitions take new ones).
-- Run again with its nonce before anybody claimed the order, it answers as before.

local id, members, trial = ARGV[11], KEYS[12], ARGV[12] == '1'

-- A sealed or cancelled batch takes no new order: nobody would count it, or it would be sent after all.
local joins, shut = false, false
if id ~= '' and not trial then
  local b = of_batch(batches, id, 'state', 'sealed')
  joins = b.state == 'running' and b.sealed ~= '1'
  shut = b.state and not joins
end

local function enlist(as)
  redis.call('RPUSH', members, key)
  redis.call('HINCRBY', batches, id .. ' orders', 1)
  redis.call('HINCRBY', batches, id .. ' ' .. as, 1)
end

-- join puts an order that was known before into the batch, once.
local function join()
  local r = load('state', 'batches')
  local ids = r.batches or ''
  if string.find(' ' .. ids .. ' ', ' ' .. id .. ' ', 1, true) then return end
  redis.call('HSET', record, 'batches', ids == '' and id or ids .. ' ' .. id)
  enlist((r.state == 'queued' or r.state == 'sending') and 'open' or r.state)
end

trace = ARGV[14]
local decision, stamp, gen, new = admit(ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[13], ARGV[9], tonumber(ARGV[10]),
  tonumber(ARGV[15]), trial, shut, joins and id)
if joins and new then enlist('open') elseif joins and (decision == 'accepted' or decision == 'known') then join() end
if decision == 'accepted' then
  if trial then return { 'accepted' } end
  return { 'accepted', 'gen', gen, 'task', stamp }
end
if decision == 'full' or decision == 'closed' or decision == 'moved' then return { decision } end
return standing(decision)
