"""The archive of the prediction log: `python -m ingestion.predictions`.

The prediction API writes each prediction to a Kafka topic; this program writes the topic into parquet files, one folder per
day, with the guarantee of the event archive: nothing is lost and nothing is there twice, whatever was killed. It is what a
stream worker does that leads (`ingestion.stream.lead`), for a topic without views: files are durable, then offsets are
committed; batches are numbered; a restart continues behind the later of both. Several of them stand by for one another.
"""
