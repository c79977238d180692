-- each takes a step for every order that the script was called for, and returns their answers in a list. If one goes wrong, it
-- does so alone.
--
-- KEYS after the first keys: an order's record and what was ordered, and so on. ARGV[1] is empty. ARGV after the first args: own
-- arguments for each order, of which the first is its key, and the others are handed to the step.
local record, payload, key

local function each(keys, args, own, step)
  local answers = {}
  for i = 0, (#KEYS - keys) / 2 - 1 do
    local at = args + own * i
    record, payload, key = KEYS[keys + 2 * i + 1], KEYS[keys + 2 * i + 2], ARGV[at + 1]
    local ok, answer = pcall(step, unpack(ARGV, at + 2, at + own))
    if not ok and type(answer) ~= 'table' then answer = redis.error_reply(answer) end
    answers[i + 1] = answer
  end
  return answers
end
