package io.diffuscope.run;

/** Marks messages and events that may cross a process or be stored; bound to Jackson CBOR. */
public interface CborSerializable {}
