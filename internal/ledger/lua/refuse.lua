-- Refuse answers an entry of a stream of orders that did not become one, keeps it with the dead letters, and
-- acknowledges it.
--
-- KEYS[1] the stream; KEYS[2] the dead letters; KEYS[3] the result stream
-- ARGV[1] group; ARGV[2] the entry's id; ARGV[3] source id; ARGV[4] type of the answer; ARGV[5] merchant or '';
-- ARGV[6] ref or ''; ARGV[7] data, a JSON object; ARGV[8…] the entry's own fields and values
-- Returns refused, or gone when the entry was acknowledged before: then nothing is answered a second time.
local now = rfc3339(math.floor(microseconds() / 1000))
-- The first write is one that a full Redis refuses, and with it all of the script.
local letter = redis.call('XADD', KEYS[2], '*', 'source', ARGV[3], 'type', ARGV[4], 'time', now, 'data', ARGV[7], unpack(ARGV, 8))
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then
  redis.call('XDEL', KEYS[2], letter)
  return { 'gone' }
end
redis.call('XADD', KEYS[3], '*', 'v', '1', 'id', ARGV[3] .. ':' .. ARGV[4], 'type', ARGV[4],
  'merchant_id', ARGV[5], 'merchant_txn_ref', ARGV[6], 'generation', '0', 'batch', '', 'time', now, 'data', ARGV[7])
return { 'refused' }
