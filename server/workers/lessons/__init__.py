"""Lessons: tasks that let our own networks and agents learn something small, and tell how far they are.

Each is a whole course of learning, a second or two long and decided by its arguments, so that a page can play it, stop
it, and go back in it. A lesson yields ``["start", what stays]`` and then ``["frame", how far it is]``; arrays travel
packed (`server.workers.lessons.packing`).
"""
