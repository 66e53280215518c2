-- READ {steps}: each step's present state, with its outcome if it ended; MISSING if there is none.
local answers = {}
for i, key in ipairs(args.steps) do
  local step = load(key)
  answers[i] = step and outcome(key, step) or { key = key, state = 'MISSING' }
end
return reply({ steps = answers })
