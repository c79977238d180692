-- PublishOutbox moves results from the outbox to the stream of results, in their order.
--
-- KEYS[1] the outbox; KEYS[2] the stream of results
-- ARGV[1] the last one that the replicas have; ARGV[2] how many at most
-- Returns how many. Those that were moved before are not in the outbox any more, so any number of publishers may do this.
local ids = {}
for i, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', ARGV[1], 'COUNT', ARGV[2])) do
  redis.call('XADD', KEYS[2], '*', unpack(entry[2]))
  ids[i] = entry[1]
end
if #ids > 0 then redis.call('XDEL', KEYS[1], unpack(ids)) end
return #ids
