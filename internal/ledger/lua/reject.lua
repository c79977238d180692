-- Reject publishes an answer about something that never became an order.
--
-- KEYS[1] the result stream
-- ARGV[1] type; ARGV[2] source id; ARGV[3] merchant or ''; ARGV[4] ref or ''; ARGV[5] data, a JSON object
-- Returns rejected. When its source comes again after a crash there is a second event, with the same id.
redis.call('XADD', KEYS[1], '*', 'v', '1', 'id', ARGV[2] .. ':' .. ARGV[1], 'type', ARGV[1],
  'merchant_id', ARGV[3], 'merchant_txn_ref', ARGV[4], 'generation', '0', 'batch', '',
  'time', rfc3339(math.floor(microseconds() / 1000)), 'data', ARGV[5])
return { 'rejected' }
