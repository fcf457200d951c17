"""The simulators, one file each. Importing one raises ImportError where it is not installed. Each has:

    NOTE                      what differs from the workload, in a sentence; "" where nothing does
    version()                 its version
    Simulator(workload, stimulus)
        run(call)             simulates the steps of a call; how many of the counted neurons' spikes came
        spikes()              of the last call: steps and neurons, where the simulator tells them cheaply

Or, where it cannot go on from where it stopped, instead of ``run``:

        timed(steps)          runs from the beginning; CPU seconds of the last ``steps`` steps, and their spikes

``stimulus`` holds all that will be put in, for those that want it beforehand.
"""

ALWAYS = ("spikedrive", "numba_dense")
PACKAGES = {"brian2": "brian2", "nest": "nest", "bindsnet": "bindsnet", "spikingjelly": "spikingjelly"}
"""Of the others: what must be importable."""
NAMES = (*ALWAYS, *PACKAGES)
