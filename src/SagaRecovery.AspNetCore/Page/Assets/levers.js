// levers
