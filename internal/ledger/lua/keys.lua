-- The keys of the scripts for one order, as most of them take them; those that run for every order take fewer.
--
-- KEYS[1] the order's record (hash)
-- KEYS[2] orders queued on lane interactive (zset: key, ms when its task is surely in the queue)
-- KEYS[3] orders queued on lane bulk
-- KEYS[4] orders being sent on lane interactive (zset: key, ms when the lease ends)
-- KEYS[5] orders being sent on lane bulk
-- KEYS[6] failed orders (zset: key, ms when it failed)
-- KEYS[7] the result stream
-- KEYS[8] the stream of surplus links
-- KEYS[9] the breaker of the order's merchant (hash, absent while closed)
-- KEYS[10] orders of the merchant held by its breaker, on lane interactive (zset: key, ms when held)
-- KEYS[11] orders of the merchant held by its breaker, on lane bulk
-- KEYS[12] workers that are alive (zset: id, ms of the last sign of life)
-- KEYS[13] merchants that have or had a breaker open (set)
-- KEYS[14] how many orders of each merchant are open (hash)
-- KEYS[15] batches (hash; see batch.lua)
-- KEYS[16] orders whose email waits for its task (zset, as KEYS[2]); KEYS[17] whose email is being sent (as KEYS[4])
-- KEYS[18] whose email failed (as KEYS[6]); KEYS[19] whose email is held, since mails of the merchant do not go out (as KEYS[10])
-- KEYS[20] what was ordered: opaque bytes, kept until nothing is owed for the order and none of it may be replayed
-- KEYS[21] who hands in new orders here, where others do, too; see takes in begin.lua
-- ARGV[1] the order's key, "merchant:ref", percent-encoded; ARGV[2] and ARGV[3] merchant and ref as they are
--
-- An order is open while it is in one of KEYS[2] to KEYS[5], KEYS[10] or KEYS[11]; it is in exactly one of them, or, with its
-- link issued and its email owed, in one of KEYS[16], KEYS[17] and KEYS[19].
-- Each script returns an answer, followed by pairs of name and value.
local record, failed, results, surplus = KEYS[1], KEYS[6], KEYS[7], KEYS[8]
local queued = { interactive = KEYS[2], bulk = KEYS[3] }
local sending = { interactive = KEYS[4], bulk = KEYS[5] }
local breaker, workers, tripped, open_orders, batches = KEYS[9], KEYS[12], KEYS[13], KEYS[14], KEYS[15]
local held = { interactive = KEYS[10], bulk = KEYS[11] }
local mail_queued, mail_sending, mail_failed, mail_held, payload, moved = KEYS[16], KEYS[17], KEYS[18], KEYS[19], KEYS[20], KEYS[21]
local key, merchant, ref = ARGV[1], ARGV[2], ARGV[3]
