/** Base64 -> bytes; throws a DOMException if the text is none. */
export const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
