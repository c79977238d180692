-- publish appends the one terminal event of a generation. data is a JSON object without
-- its closing brace: what only the ledger knows is added here. ids: the batches that the order is in. id: the event's, if it is not the usual one.
local function publish(ms, kind, gen, data, attempts, uncertain, ids, id)
  redis.call('XADD', results, '*',
    'v', '1', 'id', id or key .. ':' .. gen .. ':' .. kind, 'type', kind,
    'merchant_id', merchant, 'merchant_txn_ref', ref, 'generation', gen, 'batch', ids or '',
    'time', rfc3339(ms),
    'data', data .. ',"attempts":' .. attempts .. ',"uncertain":' .. (uncertain == '1' and 'true' or 'false') .. '}')
end
