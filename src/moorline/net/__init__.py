"""HTTP on blocking sockets and on asyncio's streams."""
