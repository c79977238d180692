-- A batch: orders that were handed in together, and how they stand. All batches share one hash, so that the scripts for
-- one order can name it; its fields are "<id> <name>":
--
-- state     running, succeeded, partially_failed, failed or cancelled
-- run       1, one more each time the batch is opened again
-- sealed    '1' once all orders of this run are in: it is not final before
-- cancelled '1' once somebody gave it up
-- refused   orders that were handed in with it and are not in it: invalid, or in conflict
-- orders    how many it has, of which
-- open, issued, failed    stand so
-- created, finished       ms
-- label     for people
-- parts     '1' where other partitions have some of its orders: then they do not finish it, nor is it finished here with them
--           alone; see closebatch.lua

local function of_batch(batches, id, ...)
  local names, r = { ... }, {}
  for i, name in ipairs(names) do names[i] = id .. ' ' .. name end
  local values = redis.call('HMGET', batches, unpack(names))
  for i, name in ipairs({ ... }) do r[name] = values[i] end
  return r
end

-- move counts an order that changed in all its batches. from and to: open, issued, failed, or nil.
local function move(batches, ids, from, to)
  for id in string.gmatch(ids or '', '%S+') do
    if redis.call('HEXISTS', batches, id .. ' state') == 1 then
      if from then redis.call('HINCRBY', batches, id .. ' ' .. from, -1) end
      if to then redis.call('HINCRBY', batches, id .. ' ' .. to, 1) end
    end
  end
end

-- finish_as ends a batch whose counts are known, and publishes that.
local function finish_as(batches, results, ms, id, b)
  local issued, failed, refused = b.issued or '0', b.failed or '0', b.refused or '0'
  local state = 'partially_failed'
  if b.cancelled == '1' then state = 'cancelled'
  elseif failed == '0' and refused == '0' then state = 'succeeded'
  elseif issued == '0' then state = 'failed' end
  redis.call('HSET', batches, id .. ' state', state, id .. ' finished', string.format('%.0f', ms))
  redis.call('XADD', results, '*', 'v', '1', 'id', id .. ':' .. b.run .. ':batch.finished', 'type', 'batch.finished',
    'merchant_id', '', 'merchant_txn_ref', '', 'generation', '0', 'batch', id, 'time', rfc3339(ms),
    'data', '{"state":"' .. state .. '","run":' .. b.run .. ',"orders":' .. (b.orders or '0') .. ',"issued":' .. issued ..
    ',"failed":' .. failed .. ',"refused":' .. refused .. '}')
end

-- finish ends a batch in which nothing is open any more, and publishes that, once for each run.
local function finish(batches, results, ms, id)
  local b = of_batch(batches, id, 'state', 'sealed', 'open', 'orders', 'issued', 'failed', 'refused', 'run', 'cancelled', 'parts')
  if b.state ~= 'running' or b.sealed ~= '1' or b.parts or tonumber(b.open or 0) > 0 then return end
  finish_as(batches, results, ms, id, b)
end

local function finish_all(batches, results, ms, ids)
  for id in string.gmatch(ids or '', '%S+') do finish(batches, results, ms, id) end
end
