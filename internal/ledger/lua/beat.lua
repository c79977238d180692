-- Beat is a worker's sign of life, and tells it of the others'.
--
-- KEYS[1] workers (zset: id, ms of the last sign of life); ARGV[1] the worker's id
-- Returns the ids of all workers, each followed by its last sign of life.
redis.call('ZADD', KEYS[1], math.floor(microseconds() / 1000), ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
