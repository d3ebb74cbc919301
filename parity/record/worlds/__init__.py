"""Runs one command as several ranks: engines behind one interface.

``baton`` (the default without enough GPUs) starts every rank as a process of its own, a copy of the warm server where
that is possible, over real gloo. ``gloo`` and ``nccl`` start through torchrun. ``fake`` runs rank 0 alone and makes it
believe in the others: bookkeeping for thousands of ranks.

Why ``baton`` uses processes and not threads. Ranks that are threads of one interpreter share what ranks on a cluster
do not: the module globals of everything that the script imports, ``sys.argv``, the working directory, the standard
streams, signal handlers, the state of random generators. A harness would have to give each of these back to each rank,
and what it forgets changes the training. They also need private switches of torch, and an imitation of the order in
which gloo adds. A process forked from one that has torch loaded shares with its siblings only memory that nobody has
written to, costs little time and memory, and adds with gloo itself: so it is bit for bit what torchrun would have run,
in every version of torch, and the recorder needs no second way of listening.

What ``baton`` adds to gloo is that ranks announce in shared memory what they are about to wait for (``announcing``,
``process_groups``, ``table``), so that the process that watches them (``ranks``) sees at once when they wait for one
another for ever (``deadlocks``), and can say which rank failed first and where.
"""
