-- The keys of Accept, named as in keys.lua.
local record, queued = KEYS[1], { interactive = KEYS[2], bulk = KEYS[3] }
local failed, open_orders, batches = KEYS[4], KEYS[5], KEYS[6]
local mail_queued, mail_sending, mail_failed, mail_held, payload = KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local moved = KEYS[13]
local key, merchant = ARGV[1], ARGV[2]
